"""Every preset by its name, as ``--preset`` takes it."""

from __future__ import annotations

from morpheus_gae.flows.exporters.presets import datasets, vendors
from morpheus_gae.flows.exporters.presets import table as exporters
from morpheus_gae.flows.exporters.presets.table import Preset

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        exporters.NPROBE,
        exporters.GOFLOW2,
        exporters.PMACCT,
        exporters.ZEEK,
        exporters.SURICATA,
        exporters.SURICATA_NETFLOW,
        exporters.NFDUMP,
        exporters.ARGUS,
        vendors.IPFIX,
        vendors.ECS,
        vendors.LOGSTASH,
        vendors.ELASTIFLOW,
        vendors.ASA,
        vendors.FTD,
        vendors.AWS_VPC,
        vendors.AZURE,
        vendors.GCP,
        datasets.CICFLOWMETER,
        datasets.NFSTREAM,
        datasets.UNSW_NB15,
        datasets.TON_IOT,
        datasets.BOT_IOT,
        datasets.CTU13,
        datasets.IOT23,
    )
}

AUTO, CANONICAL = "auto", "canonical"
NAMES = (AUTO, CANONICAL, *PRESETS)
"""What ``--preset`` takes."""


def spelled(name: str) -> str:
    """A name of a preset as it is listed: ``AWS_VPC`` is ``aws-vpc``."""
    return name.strip().lower().replace("_", "-")

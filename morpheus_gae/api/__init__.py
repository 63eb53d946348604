"""The Python interface: detectors that take data frames, without engine and files."""

"""Parameters: what scikit-learn asks of an estimator, without scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

Self = TypeVar("Self", bound="Params")


class Params:
    """An object whose constructor takes keywords and keeps each as an attribute of that name.

    Notes
    -----
    scikit-learn's ``clone``, ``get_params``, ``Pipeline`` and the like take any object with these methods, so
    the package does without its base classes: a detector is the same class whether it is installed or not.
    """

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; ``deep`` changes nothing, since none is an estimator."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Change parameters.

        Raises
        ------
        ValueError
            If there is none of a name; nothing is changed then.
        """
        names = self._names()
        for name in params:
            if name not in names:
                kind = type(self).__name__
                raise ValueError(f"Invalid parameter {name!r} for estimator {kind}. Valid are: {names}.")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        told = (f"{k}={v!r}" for k, v in self.get_params().items() if v != defaults[k].default)
        return f"{type(self).__name__}({', '.join(told)})"

    def __sklearn_tags__(self) -> Any:
        """What kind of estimator this is, for scikit-learn, which alone asks."""
        from sklearn.utils import InputTags, Tags, TargetTags

        wants = InputTags(two_d_array=False, allow_nan=True, string=True)
        return Tags(
            estimator_type="outlier_detector",
            target_tags=TargetTags(required=False),
            input_tags=wants,
        )

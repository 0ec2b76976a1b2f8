"""Numbers and lists as a reader wants them."""

from __future__ import annotations

import math
from typing import Any


def nats(value: float) -> str:
    """A number of nats with the digits that matter.

    >>> nats(12.3456), nats(0.0012), nats(123456.7)
    ('12.35 nats', 'under 0.01 nats', '123,457 nats')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f} nats"
    return f"{value:.2f} nats" if abs(value) >= 0.005 or value == 0 else "under 0.01 nats"


def percent(share: float) -> str:
    """A share in percent, with more digits where it is small.

    >>> percent(0.254), percent(0.0025), percent(0.0)
    ('25%', '0.25%', '0%')
    """
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{share:.2%}"


def short(name: str, length: int = 40) -> str:
    """A name cut to a readable length."""
    return name if len(name) <= length else name[: length - 1] + "…"


def sentence(parts: list[str]) -> str:
    """Parts joined into one sentence.

    >>> sentence(["a", "b", "c"])
    'a, b and c.'
    """
    return (", ".join(parts[:-1]) + " and " if len(parts) > 1 else "") + parts[-1] + "."


def number(value: Any, digits: int = 4) -> str:
    """Any cell as text: whole numbers grouped, others with so many digits, a dash for what is missing.

    >>> number(12345), number(0.123456), number(1234.5678), number(None), number("a")
    ('12,345', '0.1235', '1,235', '–', 'a')
    """
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e7 or abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def active_of(active: int, latents: int) -> str:
    """How many latents are active.

    >>> active_of(1, 10), active_of(8, 10), active_of(1, 1)
    ('1 of 10 latents is active', '8 of 10 latents are active', '1 of 1 latent is active')
    """
    return f"{active} of {latents} latent{'s' * (latents != 1)} {'is' if active == 1 else 'are'} active"


def decimal(value: float, digits: int = 2) -> str:
    """A number with so many decimals, a dash where it is none.

    >>> decimal(1.239), decimal(-0.0001), decimal(float("nan"))
    ('1.24', '0.00', '–')
    """
    return f"{round(value, digits) + 0.0:,.{digits}f}" if math.isfinite(value) else "–"


def duration(seconds: float) -> str:
    """A length of time.

    >>> duration(42.3), duration(75), duration(7500)
    ('42 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds) // 60
    return (
        f"{minutes} min {round(seconds) % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    )

"""Faults of the pictures of shapes."""

from __future__ import annotations

from faults import Mutation

FAULTS = [
    Mutation(
        "sprites: sprites 1",
        "data/sprites.py",
        "_PLACES - 1 - y, _PLACES - 1 - x]",
        "_PLACES - 1 - x, _PLACES - 1 - y]",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 2",
        "data/sprites.py",
        "_PLACES - 1 - y,",
        "y,",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 3",
        "data/sprites.py",
        "_AREA = 420.0",
        "_AREA = 300.0",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 4",
        "data/sprites.py",
        "np.rot90(inside, quarters)",
        "np.rot90(inside, -quarters)",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 5",
        "data/sprites.py",
        "cosine * y - sine * x",
        "cosine * y + sine * x",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 6",
        "data/sprites.py",
        "u, v = cosine * x + sine * y, cosine * y - sine * x",
        "u, v = cosine * x - sine * y, cosine * y + sine * x",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 7",
        "data/sprites.py",
        "x, y = offsets, -offsets[:, None]",
        "x, y = offsets, offsets[:, None]",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 8",
        "data/sprites.py",
        " + _HEART_CENTRE",
        "",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 9",
        "data/sprites.py",
        "_SCALES = np.linspace(0.5, 1.0, 6)",
        "_SCALES = np.linspace(0.6, 1.0, 6)",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 10",
        "data/sprites.py",
        "2 * np.pi * rest / _TURNS), np",
        "2 * np.pi * rest / 39), np",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 11",
        "data/sprites.py",
        "_STRETCH = 1.6",
        "_STRETCH = 1.1",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 12",
        "data/sprites.py",
        "(rows < 0) | ",
        "",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 13",
        "data/sprites.py",
        "default_rng(seed).choice",
        "default_rng(0).choice",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: sprites 14",
        "data/sprites.py",
        "drawn.sort()",
        "pass",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: names 1",
        "data/names.py",
        "return load_sprites(_SPRITES)",
        "return load_sprites(100)",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: names 2",
        "data/names.py",
        "sprites.factors(drawn)[:, 0]",
        "sprites.factors(drawn)[:, 1] % 3",
        ("data/test_sprites.py",),
    ),
    Mutation(
        "sprites: loop 1",
        "training/loop.py",
        "torch.arange(len(rows)).split(_CHECKED_ROWS)",
        "torch.arange(len(rows)).split(10**9)",
        ("data/test_sprites.py",),
    ),
]

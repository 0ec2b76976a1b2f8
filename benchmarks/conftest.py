"""What pytest must not import here: it belongs to another environment."""

collect_ignore = ["pythae_trainer.py"]

"""What the small model is trained on."""

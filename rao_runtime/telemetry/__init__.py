"""What is told to the outside of what happens: metrics and spans. Every name of them is in `names`."""

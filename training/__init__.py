"""The small model that recurses: what it is trained on, and how. No part of the wheel; the server never imports it."""

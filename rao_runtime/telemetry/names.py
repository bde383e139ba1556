"""Every name that telemetry gives away: spans, attributes, span events and metrics, in this one file.

`gen_ai.*` follows OpenTelemetry's semantic conventions for generative AI (still in development); what they have no word
for is in our own `rao.*`.
"""

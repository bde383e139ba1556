"""`make demo`: a text that no window holds, solved before your eyes, beside what a single agent makes of it."""

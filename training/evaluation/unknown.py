"""Sentences of people: goals that no list or template of the training data holds."""

SENTENCES = (
    "Please book me a flight to Lisbon for next Friday.",
    "What was the average temperature in March?",
    "Rewrite the third paragraph so that it sounds friendlier.",
    "Who won the chess tournament last year?",
    "Find all email addresses and sort them by domain.",
    "Is this contract still valid under Swiss law?",
    "Compute the standard deviation of the second column.",
    "Draw a circle around every spelling mistake.",
    "How long does it take to boil an egg?",
    "Tell me a bedtime story with a dragon in it.",
    "Which of the authors is the most optimistic?",
    "Turn this list into a table with two columns.",
    "Count the vowels in each line.",
    "Why did the server crash at midnight?",
    "Give me the phone number of the nearest dentist.",
    "Are there more weekdays than weekends in the log?",
)

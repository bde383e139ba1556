"""`python -m examples.demo`."""

from examples.demo.command import main

if __name__ == "__main__":
    main()

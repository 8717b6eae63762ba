"""The parts of the Guess first page: its pictures, the game, its rounds on the page, and what came of
them."""

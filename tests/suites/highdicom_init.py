"""Makes a package of the tests of highdicom, as they import each other by its name."""

"""Take the two penguin tables out of the package palmerpenguins, unchanged."""

from __future__ import annotations

from vendoring import open_package, write_file

if __name__ == "__main__":
    package = open_package(
        "palmerpenguins", "0.1.6", "5c3be9af84dd703a25f1aaeadeac6ac770cfd38c1620d00089f581c023129ee0"
    )
    write_file("penguins.csv", package.read("palmerpenguins/data/penguins.csv"))
    write_file("penguins_raw.csv", package.read("palmerpenguins/data/penguins-raw.csv"))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds po/ against the sources: POTFILES names every file that has words for people, and none that
has not, and each language of LINGUAS has all of them, none fuzzy.

  check-translations.py            check
  check-translations.py --write    write POTFILES, and take new strings into the languages
  check-translations.py --missing  print what the languages lack
"""

import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
MARKED = re.compile(r"(?<![A-Za-z0-9_])(_|N_|C_|NC_|Q_|ngettext)\s*\(\s*(?:\"|/\*)")
KEYWORDS = ["_", "N_", "C_:1c,2", "NC_:1c,2", "Q_", "ngettext:1,2"]
ENDINGS = (".c", ".h", ".blp", ".desktop.in", ".metainfo.xml.in", ".gschema.xml")


def has_words(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return path.endswith((".in", ".gschema.xml")) or MARKED.search(text) is not None


def find_sources():
    found = []
    for folder in ("data", "src"):
        for place, folders, files in os.walk(os.path.join(TOP, folder)):
            folders.sort()
            paths = [os.path.join(place, name) for name in files if name.endswith(ENDINGS)]
            found += [os.path.relpath(path, TOP) for path in paths if has_words(path)]
    return sorted(found)


def read_list(name):
    with open(os.path.join(TOP, "po", name), encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def run(*argv):
    done = subprocess.run(argv, cwd=TOP, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{argv[0]}: {done.stderr}")
    return done.stdout


def make_template(sources, pot):
    keywords = [f"--keyword={keyword}" for keyword in KEYWORDS]
    options = ["--from-code=UTF-8", "--add-comments=Translators", "--package-name=posada"]
    # What is not C comes with rules of its own.
    plain = [path for path in sources if path.endswith((".c", ".h", ".blp"))]
    other = [path for path in sources if path not in plain]
    run("xgettext", "--language=C", *options, *keywords, "-o", pot, *plain)
    for path in other:
        run("xgettext", *options, "-j", "-o", pot, path)


def lacking(pot, po):
    """The strings of @pot that @po has not, has not translated, or is not sure of."""
    with tempfile.TemporaryDirectory() as folder:
        merged = os.path.join(folder, "merged.po")
        run("msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, po, pot)
        fuzzy = run("msgattrib", "--only-fuzzy", "--no-obsolete", merged)
        untranslated = run("msgattrib", "--untranslated", merged)
    return "\n".join(text for text in (untranslated, fuzzy) if "msgid" in text)


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else "--check"
    sources = find_sources()
    good = True
    if verb == "--write":
        with open(os.path.join(TOP, "po", "POTFILES"), "w", encoding="utf-8") as file:
            file.write("\n".join(sources) + "\n")
    listed = read_list("POTFILES")
    for path in sorted(set(sources) ^ set(listed)):
        print(f"po/POTFILES {'lacks' if path in sources else 'still has'} {path}")
        good = False
    with tempfile.TemporaryDirectory() as folder:
        pot = os.path.join(folder, "posada.pot")
        make_template(sources, pot)
        for language in read_list("LINGUAS"):
            po = os.path.join(TOP, "po", f"{language}.po")
            if verb == "--write":
                run("msgmerge", "--quiet", "--update", "--backup=none", "--no-fuzzy-matching",
                    po, pot)  # fmt: skip
            run("msgfmt", "--check", "-o", os.devnull, po)
            missing = lacking(pot, po)
            if missing:
                count = missing.count("\nmsgid ") - 1
                print(f"po/{language}.po lacks {count} strings; --missing shows them")
                if verb == "--missing":
                    print(missing)
                good = False
    if not good:
        print("tests/check-translations.py --write takes new files and strings in")
    return good or verb == "--write"


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

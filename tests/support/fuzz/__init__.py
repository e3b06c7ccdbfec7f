"""The fuzz: random calls of every public function and of the command line, each checked.

`kinds` draws calls from `inputs`; `check` makes one in every way; `agreement` compares the
implementations; `invariants` says what must hold of a result; `programs` has the calls that are no
functions of both implementations; `campaign` makes many calls and survives crashes.
"""

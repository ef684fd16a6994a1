"""Does the program know its own error? A hundred virtual surveys of a known truth tell.

``survey`` draws one survey, runs the whole chain on it and lays what the program says of its error
beside the truth; ``trial`` does so many times; ``python -m helpers.honesty`` is its command.
"""

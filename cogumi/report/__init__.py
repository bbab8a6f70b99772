"""The written result of a run: report.md, report.html, and a summary for the terminal.

All three say the same from the same blocks (`cogumi.report.content`). Texts that a model or a plugin wrote are hostile
until proven otherwise: they are clipped, escaped, and cannot end a table, a code block or an HTML element. Nothing here
reads a clock, so the same run gives the same bytes.
"""

"""What a run's estimates say: in words, tables, figures and one page.

Others use `report.write_report`, `noticed`, `drawing`, and the small `markdown`, `visible` and `words.span`.
"""

"""What a task and an intervention are, how they are found and built, and how a task's rows become questions.

Others use the base classes, and `registry.TASKS` and `registry.INTERVENTIONS`.
"""

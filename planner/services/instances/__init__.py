"""Planning instances: a clinic with patients to plan, as a neutral file (`kap-instance/1`), and the plan made of it.

The format is for trying planners on the same clinic; it names nobody. `docs` says where each of its rules has its
place here, and which files are refused because a rule has none.
"""

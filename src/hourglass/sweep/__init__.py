"""Sweeps: trainings of one variant under many settings, to find better ones.

`search.sweep` runs one. Optuna proposes settings and says which trainings aren't worth their end (`proposing`); a trial
is the computation of ``train@V`` (`trying`); what came of each is a line of a file (`records`), from which a killed
sweep goes on. The best settings become a DVC experiment (`winner`).
"""

"""Mistakes in training: steps, batches, stopping, resuming."""

from __future__ import annotations

from mutants.mutant import Mutant

OPTIMIZER = "whitebox.nn._optimizer"
STEPS = "laws.test_optimizer"

MUTANTS = [
    Mutant(
        "clips each parameter by its own norm",
        OPTIMIZER,
        "            self._states[name] = self._move(parameter, scale, self._states[name])",
        "            own = _global_norm({name: parameter})\n"
        "            scale = 1.0 if self.max_norm is None or own <= self.max_norm else self.max_norm / own\n"
        "            self._states[name] = self._move(parameter, scale, self._states[name])",
        (f"{STEPS}:test_all_gradients_are_clipped_by_their_norm_together",),
    ),
    Mutant(
        "gradients are scaled up to the norm",
        OPTIMIZER,
        "self.max_norm is None or norm <= self.max_norm",
        "self.max_norm is None or norm == 0",
        (f"{STEPS}:test_all_gradients_are_clipped_by_their_norm_together",),
    ),
    Mutant(
        "a step writes into the array that others hold",
        OPTIMIZER,
        "        parameter.data = following",
        "        parameter.data[...] = following",
        (f"{STEPS}:test_arrays_taken_before_a_step_do_not_change",),
    ),
    Mutant(
        "the state that is saved goes on changing",
        OPTIMIZER,
        'f"{name}.{field}": np.array(value)',
        'f"{name}.{field}": np.asarray(value)',
        (f"{STEPS}:test_arrays_taken_before_a_step_do_not_change",),
    ),
]

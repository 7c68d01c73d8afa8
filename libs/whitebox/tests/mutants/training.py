"""Mistakes in training: steps, batches, stopping, resuming."""

from __future__ import annotations

from mutants.mutant import Mutant

OPTIMIZER = "whitebox.nn._optimizer"
DATA = "whitebox.nn._data"
TRAINING = "whitebox.nn._training"
STEPS = "laws.test_optimizer"
LAWS = "laws.test_training"
RESUMED = f"{LAWS}:test_training_that_goes_on_from_a_checkpoint_gives_the_numbers_of_one_that_was_not_interrupted"
BEST = f"{LAWS}:test_early_stopping_ends_in_time_and_restores_the_best_weights_and_running_means"
VALIDATION = f"{LAWS}:test_validation_is_in_evaluation_mode_without_gradients_and_changes_nothing"

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
    Mutant(
        "the same order every epoch",
        DATA,
        "np.random.default_rng([self._seed, self._epoch])",
        "np.random.default_rng([self._seed, 0])",
        (f"{LAWS}:test_each_epoch_has_an_order_of_its_own_that_the_seed_decides",),
    ),
    Mutant(
        "the last partial batch is lost",
        DATA,
        "rounded = 0 if self._drop_last else self._batch_size - 1",
        "rounded = 0",
        (f"{LAWS}:test_every_example_comes_once_an_epoch",),
    ),
    Mutant(
        "each column is shuffled by itself",
        DATA,
        "tuple(column[chosen] for column in self._columns)",
        "tuple(np.random.default_rng(i).permutation(column[chosen]) for i, column in enumerate(self._columns))",
        (f"{LAWS}:test_every_example_comes_once_an_epoch",),
    ),
    Mutant(
        "sequences are padded on the side that was not asked for",
        DATA,
        'if side == "left" else 0',
        'if side == "right" else 0',
        (f"{LAWS}:test_padding_keeps_the_sequences",),
    ),
    Mutant(
        "early stopping restores the last weights",
        TRAINING,
        "name: np.array(array) for name, array in model.state_dict().items()}\n        else:",
        "name: np.array(array) for name, array in model.state_dict().items()}\n        else:\n"
        "            self._weights = {name: np.array(array) for name, array in model.state_dict().items()}",
        (BEST,),
    ),
    Mutant(
        "patience counts all epochs without improvement, not those in a row",
        TRAINING,
        "self.best, self.best_epoch, self.waited = float(value), epoch, 0\n            self._weights",
        "self.best, self.best_epoch = float(value), epoch\n            self._weights",
        (f"{LAWS}:test_patience_is_for_epochs_in_a_row",),
    ),
    Mutant("validation in training mode", TRAINING, "    model.eval()\n", "    model.train()\n", (VALIDATION,)),
    Mutant(
        "the mean over batches counts a small last batch as much as the others",
        TRAINING,
        "sums[name] += float(measure(self.model, *batch)) * len(batch[0])",
        "sums[name] += float(measure(self.model, *batch)) * examples / number",
        (f"{LAWS}:test_means_are_over_examples_not_over_batches",),
    ),
    Mutant(
        "gradients of the batch before are added to",
        TRAINING,
        "            self.optimizer.zero_grad()\n",
        "",
        (f"{LAWS}:test_training_fits_what_can_be_fitted_and_says_what_each_epoch_came_to",),
    ),
    Mutant(
        "training goes on with a loss that is NaN",
        TRAINING,
        "    if not math.isfinite(value):\n        raise",
        "    if math.isinf(value):\n        raise",
        (f"{LAWS}:test_a_loss_or_gradient_that_is_not_finite_says_where_and_changes_no_weight",),
    ),
    Mutant(
        "resume forgets the optimiser's moments",
        TRAINING,
        '            owner.load_state_dict(_below(f"{part}.", state))',
        '            owner.load_state_dict({} if part == "optimizer" else _below(f"{part}.", state))',
        (RESUMED,),
    ),
    Mutant(
        "resume begins with the order of the first epoch",
        TRAINING,
        '            owner.load_state_dict(_below(f"{part}.", state))',
        '            if part != "loader":\n                owner.load_state_dict(_below(f"{part}.", state))',
        (RESUMED,),
    ),
    Mutant(
        "resume draws dropout anew from its seed",
        TRAINING,
        "            generator.bit_generator.state = state",
        "            pass",
        (RESUMED,),
    ),
    Mutant(
        "a checkpoint of another trainer is taken over in part",
        TRAINING,
        "            self._take(before)\n",
        "",
        (f"{LAWS}:test_a_damaged_checkpoint_changes_nothing",),
    ),
]

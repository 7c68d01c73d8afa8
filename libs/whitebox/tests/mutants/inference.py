"""Mistakes in attention, GPT-2, drafting, the paged cache and continuous batching."""

from __future__ import annotations

from mutants.mutant import Mutant

ATTENTION = "whitebox.transformers.attention"
CACHE = "whitebox.transformers.cache"
DECODER = "whitebox.transformers._decoder"
GPT2 = "whitebox.transformers.gpt2"
GENERATION = "whitebox.transformers.generation"
PAGED = "whitebox.transformers.paged_cache"
SAMPLING = "whitebox.transformers.sampling"
SCHEDULING = "whitebox.transformers.scheduling"
LOOKING = "laws.test_attention"
WRITING = "laws.test_generation"
PAGES = "laws.test_paged_cache"
BATCHING = "laws.test_scheduling"
GOLDEN = "oracles.test_gpt2"

MUTANTS = [
    Mutant(
        "tiled attention builds the full score matrix",
        ATTENTION,
        "    for rows in _tiles(range(n), tile):\n        largest",
        "    whole = scores_of(range(n), range(m))\n    for rows in _tiles(range(n), tile):\n        largest",
        (f"{LOOKING}:test_memory_grows_with_the_length_in_tiles_and_with_its_square_without",),
    ),
    Mutant(
        "the gradient of tiled attention builds the full score matrix",
        ATTENTION,
        "                p = np.exp(scores_of(rows, columns) - log_total[row])",
        "                every = scores_of(range(n), range(m))\n"
        "                p = np.exp(every[row][..., columns.start : columns.stop] - log_total[row])",
        (f"{LOOKING}:test_memory_of_the_gradients_grows_with_the_length_too",),
    ),
    Mutant(
        "what was summed before is not shrunk when a larger score comes",
        ATTENTION,
        "found = found * shrunk + scores",
        "found = found + scores",
        (f"{LOOKING}:test_tiles_of_any_size_give_the_same_result_and_the_same_gradients",),
    ),
    Mutant(
        "new queries stand beside the first keys instead of the last",
        ATTENTION,
        "mask = visible.bias(range(n), range(m), m - n)",
        "mask = visible.bias(range(n), range(m), 0)",
        (f"{LOOKING}:test_attention_is_what_its_equation_says",),
    ),
    Mutant(
        "scores are not divided by the root of the width",
        ATTENTION,
        "    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale\n    shape",
        "    factor = 1.0 if scale is None else scale\n    shape",
        (f"{LOOKING}:test_attention_is_what_its_equation_says",),
    ),
    Mutant(
        "a rejected draft is replaced by a draw from all that the model believes",
        GENERATION,
        "rest = np.maximum(p - q, 0)",
        "rest = p",
        (f"{WRITING}:check_drafting",),
    ),
    Mutant(
        "drafts are accepted wherever the model believes more than the draft, and never else",
        GENERATION,
        "if draws.random() * q[token] < p[token]:",
        "if draws.random() * 0 + q[token] <= p[token]:",
        (f"{WRITING}:check_drafting",),
    ),
    Mutant(
        "what was read of rejected drafts stays in the cache",
        GENERATION,
        "            held.truncate(len(seen) - 1)",
        "            pass",
        (f"{WRITING}:check_drafting", "laws.test_gpt2:test_it_writes_the_same_with_a_cache_without_and_with_a_draft"),
    ),
    Mutant(
        "the nucleus leaves out the token that crosses its sum",
        SAMPLING,
        "before = np.cumsum(p[order]) - p[order]",
        "before = np.cumsum(p[order])",
        (f"{WRITING}:test_the_nucleus_is_the_smallest_set_that_reaches_its_sum",),
    ),
    Mutant(
        "a penalty divides negative logits, too, and so rewards them",
        SAMPLING,
        "np.where(z[again] > 0, z[again] / penalty, z[again] * penalty)",
        "z[again] / penalty",
        (f"{WRITING}:test_a_penalty_lowers_what_occurred_whatever_its_sign",),
    ),
    Mutant(
        "square maps of GPT-2 are taken over as they lie",
        GPT2,
        "np.asarray(value).T if name.startswith",
        "np.asarray(value).T if np.shape(value)[:1] != np.shape(value)[1:] and name.startswith",
        (f"{GOLDEN}:test_gpt2_gives_transformers_logits",),
    ),
    Mutant(
        "GPT-2's queries, keys and values are mixed up",
        GPT2,
        "(0, width, 2 * width)",
        "(width, 0, 2 * width)",
        (f"{GOLDEN}:test_gpt2_gives_transformers_logits",),
    ),
    Mutant(
        "GPT-2 normalises behind each part instead of before",
        DECODER,
        "x = x + self.attention(self.attention_norm(x), positions, layer, cache)",
        "x = self.attention_norm(x + self.attention(x, positions, layer, cache))",
        (f"{GOLDEN}:test_gpt2_gives_transformers_logits",),
    ),
    Mutant(
        "GPT-2's positions begin anew behind a cache",
        DECODER,
        "return np.arange(start, start + numbers.shape[1])",
        "return np.arange(numbers.shape[1])",
        (f"{GOLDEN}:test_gpt2_continues_as_transformers_does",),
    ),
    Mutant(
        "positions count from the batch's longest sequence",
        CACHE,
        "starts = [cache.length for cache in self.caches]",
        "starts = [max(cache.length for cache in self.caches)] * len(self.caches)",
        (
            f"{PAGES}:test_sequences_side_by_side_in_one_row_give_what_each_gives_alone",
            f"{BATCHING}:test_each_request_gets_the_tokens_that_it_gets_alone",
        ),
    ),
    Mutant(
        "packed sequences see each other",
        DECODER,
        "found[:, :, part] = attention(Tensor(query.data[:, :, part]), Tensor(keys), Tensor(values), causal=True).data",
        "found[:, :, part] = attention(Tensor(query.data[:, :, part]), key, value, causal=True).data",
        (f"{PAGES}:test_sequences_side_by_side_in_one_row_give_what_each_gives_alone",),
    ),
    Mutant(
        "of packed sequences only the last gets its logits",
        DECODER,
        "hidden[:, cache.last()] if isinstance(cache, PackedCaches) else hidden[:, -1:]",
        "hidden[:, -1:]",
        (f"{PAGES}:test_sequences_side_by_side_in_one_row_give_what_each_gives_alone",),
    ),
    Mutant(
        "copy on write left out: a fork writes into the shared block",
        PAGED,
        "if pool._references[block] > 1:",
        "if False:",
        (
            f"{PAGES}:test_a_fork_and_its_origin_do_not_see_what_the_other_reads",
            f"{PAGES}:test_whatever_is_forked_shortened_and_shared_llamas_logits_are_those_of_a_contiguous_cache",
        ),
    ),
    Mutant(
        "a copied block is not given back by one of its holders",
        PAGED,
        "                pool._release(block)\n                self._table[place] = own",
        "                self._table[place] = own",
        (f"{PAGES}:test_a_fork_and_its_origin_do_not_see_what_the_other_reads",),
    ),
    Mutant(
        "a fork shares blocks without counting",
        PAGED,
        "            self._pool._hold(block)\n        return PagedCache",
        "            pass\n        return PagedCache",
        (f"{PAGES}:test_a_fork_and_its_origin_do_not_see_what_the_other_reads",),
    ),
    Mutant(
        "a block that was given to others is still found by its old tokens",
        PAGED,
        "            self._forget(block)\n        self._references[block] = 1",
        "        self._references[block] = 1",
        (f"{PAGES}:test_what_was_unused_for_longest_goes_first_and_is_not_found_any_more",),
    ),
    Mutant(
        "a shortened block that is written again is still found by its old tokens",
        PAGED,
        "                pool._forget(block)",
        "                pass",
        (f"{PAGES}:test_a_shortened_block_that_is_written_again_is_not_found_under_its_old_tokens",),
    ),
    Mutant(
        "truncate keeps the reference",
        PAGED,
        "            self._pool._release(block)\n        self._table = self._table[:kept]",
        "            pass\n        self._table = self._table[:kept]",
        (
            f"{PAGES}:test_blocks_that_are_cut_off_are_given_back",
            f"{BATCHING}:test_each_request_gets_the_tokens_that_it_gets_alone",
        ),
    ),
    Mutant(
        "a block is found by its own tokens, whatever was before them",
        PAGED,
        "hashlib.sha256(before + own.tobytes())",
        "hashlib.sha256(own.tobytes())",
        (f"{PAGES}:test_other_tokens_before_make_another_block",),
    ),
    Mutant(
        "all of a prompt is taken over, and nothing is left to read for its logits",
        PAGED,
        "range(max(0, len(tokens) - 1) // self.block_size)",
        "range(len(tokens) // self.block_size)",
        (f"{PAGES}:test_other_tokens_before_make_another_block",),
    ),
    Mutant(
        "what was used last is given up first",
        PAGED,
        "self._cached.popitem(last=False)",
        "self._cached.popitem(last=True)",
        (f"{PAGES}:test_what_was_unused_for_longest_goes_first_and_is_not_found_any_more",),
    ),
    Mutant(
        "blocks are put together in the order of the pool instead of the table's",
        PAGED,
        "taken = np.take(data, numbers, axis=2)",
        "taken = np.take(data, np.sort(numbers), axis=2)",
        (
            "pair:transformers.paged_cache.gather_blocks",
            f"{PAGES}:test_whatever_is_forked_shortened_and_shared_llamas_logits_are_those_of_a_contiguous_cache",
        ),
    ),
    Mutant(
        "a request is drawn with the batch's generator instead of its own",
        SCHEDULING,
        "0.0 if request.rng is None else request.rng.random()",
        "next((r.request.rng.random() for r in self._running if r.request.rng), 0.0)",
        (f"{BATCHING}:test_each_request_gets_the_tokens_that_it_gets_alone",),
    ),
    Mutant(
        "who gives up blocks loses the tokens written",
        SCHEDULING,
        "        self._waiting.appendleft(one)",
        "        del one.tokens[len(one.request.prompt) :]\n        self._waiting.appendleft(one)",
        (f"{BATCHING}:test_who_gives_up_blocks_goes_on_where_the_text_was",),
    ),
    Mutant(
        "who gives up blocks queues behind those that came later",
        SCHEDULING,
        "self._waiting.appendleft(one)",
        "self._waiting.append(one)",
        (f"{BATCHING}:test_each_request_gets_the_tokens_that_it_gets_alone",),
    ),
    Mutant(
        "the oldest gives up its blocks",
        SCHEDULING,
        "one = self._running.pop()",
        "one = self._running.pop(0)",
        (f"{BATCHING}:test_who_gives_up_blocks_goes_on_where_the_text_was",),
    ),
    Mutant(
        "a request that fits overtakes one that does not",
        SCHEDULING,
        "                one.cache = None\n                return",
        "                one.cache = None\n                self._waiting.rotate(-1)\n                return",
        (f"{BATCHING}:test_requests_begin_in_the_order_in_which_they_came",),
    ),
    Mutant(
        "a prompt is read at once, whatever the step has room for",
        SCHEDULING,
        "count = min(one.pending, budget)",
        "count = one.pending",
        (f"{BATCHING}:test_each_request_gets_the_tokens_that_it_gets_alone",),
    ),
    Mutant(
        "the next token is drawn while the prompt is still being read",
        SCHEDULING,
        "if not one.pending:",
        "if one.cache:",
        (f"{BATCHING}:test_a_long_prompt_does_not_hold_up_those_that_write",),
    ),
    Mutant(
        "the penalty counts the tokens written and not the prompt's",
        SCHEDULING,
        "request.rng.random(), one.tokens)",
        "request.rng.random(), one.tokens[len(request.prompt) :])",
        (f"{BATCHING}:test_a_penalty_counts_the_prompt",),
    ),
    Mutant(
        "prompts come before those that write",
        SCHEDULING,
        "left = budget - writing",
        "left = budget",
        ("pair:transformers.scheduling.allot_tokens", f"{BATCHING}:test_a_step_is_shared_so_that_all_who_write_can"),
    ),
    Mutant(
        "a cancelled request keeps its blocks",
        SCHEDULING,
        "            one.cache.free()\n            one.cache = None\n\n    def _plan",
        "            one.cache = None\n\n    def _plan",
        (f"{BATCHING}:test_a_cancelled_request_gives_back_its_blocks_and_says_so",),
    ),
]

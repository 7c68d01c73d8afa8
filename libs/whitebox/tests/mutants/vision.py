"""Mistakes in residual networks."""

from __future__ import annotations

from mutants.mutant import Mutant

RESNET = "whitebox.vision.resnet"
LAWS = "laws.test_resnet"
ORACLE = "oracles.test_resnet:test_a_residual_network_gives_the_stored_numbers_forwards_and_backwards"

MUTANTS = [
    Mutant(
        "no path around the layers",
        RESNET,
        "relu(around + self.bn2(self.conv2(through)))",
        "relu(self.bn2(self.conv2(through)))",
        (f"{LAWS}:test_a_block_whose_convolutions_are_zero_is_the_rectified_input", ORACLE),
    ),
    Mutant(
        "rectified before the sum",
        RESNET,
        "relu(around + self.bn2(self.conv2(through)))",
        "around + relu(self.bn2(self.conv2(through)))",
        (f"{LAWS}:test_a_block_whose_convolutions_are_zero_is_the_rectified_input", ORACLE),
    ),
    Mutant(
        "nothing is rectified between the convolutions",
        RESNET,
        "through = relu(self.bn1(self.conv1(x)))",
        "through = self.bn1(self.conv1(x))",
        (ORACLE,),
    ),
    Mutant(
        "every stage keeps the size of the image",
        RESNET,
        "stride = 2 if number and not place else 1",
        "stride = 1",
        (ORACLE,),
    ),
    Mutant(
        "the path around is not normalised",
        RESNET,
        "for layer in self.downsample:",
        "for layer in self.downsample[:1]:",
        (ORACLE,),
    ),
    Mutant(
        "no maximum behind the large stem",
        RESNET,
        "        if not self.small_images:\n            x = max_pool2d(x, 3, stride=2, padding=1)\n",
        "",
        (ORACLE,),
    ),
    Mutant(
        "weights drawn for symmetric activations",
        RESNET,
        "spread = math.sqrt(2 / ",
        "spread = math.sqrt(1 / ",
        (f"{LAWS}:test_weights_are_drawn_for_rectifiers",),
    ),
]

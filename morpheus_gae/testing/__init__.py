"""Testing: test doubles of NVIDIA Morpheus that users can use."""

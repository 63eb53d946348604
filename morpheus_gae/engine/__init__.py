"""Engine: the embedded pipeline runner, with one thread per stage and bounded queues between them.

``run`` builds and runs pipelines, ``observe`` has metrics, logs and traces, ``recover`` checkpoints and
state. Imports all rooms before it, not ``stages`` or ``cli``.
"""

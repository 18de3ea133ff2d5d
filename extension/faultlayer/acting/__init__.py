"""Decisions carried out: the only room that changes events and results.

    targeting ──Chosen──> executor.before ──> Pending ──> executor.after ──> Lambda's receipt
                              │ actors: the table      │ actors, again
                              ▼                        ▼
      delays  crash  outcomes  hold  alter  redelivery   crash  delays  outcomes  rewriting

- `actors` is the table from action type to actor. An actor settles its injections: carried out, or
  not.
- `executor` lets the actors act in their order, for one runtime connection.
- `pending` is an invocation in the function's hands. It withdraws injections still open at its end.
- `responses` builds and sends results, `rewriting` changes the function's own.
- `cold_start` acts on the start of an environment, before there is an invocation.

This room never decides whether an invocation is hit, and never branches on the type of an action
but by the table. The log has the line of an injection before a wait or a kill begins.
"""

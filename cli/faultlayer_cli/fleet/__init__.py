"""Changes to many functions at once, as data: look at all of them first, then change each.

    names --Rollout.preview--> results (would change, unchanged, refused)
          --the caller looks, and may ask its user-->
          --Rollout.execute--> results (changed, failed, interrupted)

    runtimes   those that the layer can do nothing in
    change     a function's layers and variables before and after: computed, not done
    rollout    carries changes out, from the revision that was looked at
    published  versions that nobody can change: which of them still inject faults
    everywhere the same work in all regions of the account

Nothing is changed before everything was looked at, and nothing here prints or asks.
"""

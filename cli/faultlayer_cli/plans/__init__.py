"""Plans: in files, and live in a place that functions read while they run.

    a YAML or JSON file --files--> a plan without mistakes --expiry--> with an end
        --stores (parameter, appconfig)--> the place: armed, disarmed, described (live_plan)

    place        where a live plan is, as FAULTLAYER_PLAN names it
    stores       read, write and disarm a place
    state        the effect of a plan now, judged by the code that runs in Lambda
    arming       a plan made ready for a place, then written
    validation   plans and variables judged before they are deployed

A plan that disarms is always written, also over one that cannot be read.
"""

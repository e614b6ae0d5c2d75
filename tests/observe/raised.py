"""The alerts that are raised on hosts."""

BY_FAULTS = (
    "AvailabilityBurnFast",
    "CertificateExpired",
    "HostDown",
    "OutgoingRefused",
    "Overload",
    "TargetDown",
    "WorkerKilled",
    "WorkersRestarting",
)
# In the order in which people can be told.
BY_ATTACKS = (
    "CertificateExpiring",
    "RateLimitSurge",
    "LatencyBurnFast",
    "LogShippingBehind",
    "DiskFilling",
    "CredentialStuffing",
    "ClientErrorSurge",
    "FleetAtMaximum",
)

-- Certificates that expired, or expire within 30 days of the last time they were seen. TLS 1.3 hides certificates: only what was visible.
SELECT
    cert_sha256,
    min(cert_subject) AS subject,
    min(cert_issuer) AS issuer,
    max(cert_not_after) AS not_after,
    max(start) AS last_seen,
    max(cert_not_after) < max(start) AS expired,
    count(*) AS connections
FROM flows
WHERE cert_not_after IS NOT NULL
GROUP BY cert_sha256
HAVING max(cert_not_after) < max(start) + INTERVAL 30 DAY
ORDER BY not_after, cert_sha256

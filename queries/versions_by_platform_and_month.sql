-- Which protocol versions did each app use, month by month? Negotiated, never offered; connections that may set an app's headline.
SELECT
    platform,
    substr(CAST(day AS STRING), 1, 7) AS month,
    CASE WHEN tls_version_protocol = 'quic' THEN 'QUIC' ELSE concat(upper(tls_version_protocol), ' ', tls_version) END AS version,
    count(*) AS connections,
    sum(client_bytes + server_bytes) AS bytes
FROM flows
WHERE tls_version IS NOT NULL AND confidence IN ('confirmed', 'likely')
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

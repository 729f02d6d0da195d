-- Which servers still negotiate SSL, TLS 1.0 or 1.1 (RFC 7568, RFC 8996) or DTLS 1.0?
SELECT
    server_ip,
    server_port,
    coalesce(server_name, '(no name seen)') AS server,
    concat(tls_version_protocol, ' ', tls_version) AS version,
    count(*) AS connections,
    count(DISTINCT client_ip) AS clients,
    min(day) AS first_day,
    max(day) AS last_day
FROM flows
WHERE tls_version IN ('1.0', '1.1', '2.0', '3.0')
GROUP BY 1, 2, 3, 4
ORDER BY connections DESC, server_ip, server_port, server, version

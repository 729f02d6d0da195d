-- What could anybody on the path read, by protocol and port? `counts` leaves out what showed only names or service data.
SELECT
    coalesce(protocol, 'unrecognised') AS protocol,
    server_port,
    counts,
    count(*) AS connections,
    count(DISTINCT server_ip) AS servers,
    sum(client_payload + server_payload) AS payload
FROM flows
WHERE grade = 'exposed'
GROUP BY 1, 2, 3
ORDER BY counts DESC, connections DESC, protocol, server_port

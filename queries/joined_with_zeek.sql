-- Beside Zeek's conn.log (with its Community ID): what Zeek called the service, and the grade. View zeek_conn; see docs/scale.md.
SELECT
    coalesce(z.service, '-') AS zeek_service,
    coalesce(f.protocol, '-') AS protocol,
    f.grade,
    count(*) AS connections
FROM flows f
JOIN zeek_conn z ON z.community_id = f.community_id
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3

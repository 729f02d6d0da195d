-- How many connections offered a post-quantum key exchange, and how many agreed on one? About the transport only.
SELECT
    substr(CAST(f.day AS STRING), 1, 7) AS month,
    coalesce(f.platform, 'other') AS platform,
    count(*) AS hellos,
    count(o.flow) AS offered,
    count(CASE WHEN f.tls_group LIKE '%MLKEM%' OR f.tls_group LIKE '%Kyber%' THEN 1 END) AS negotiated
FROM flows f
LEFT JOIN (
    SELECT DISTINCT file_id, flow FROM facts
    WHERE name = 'tls.client.supported_groups' AND (value LIKE '%MLKEM%' OR value LIKE '%Kyber%')
) o ON o.file_id = f.file_id AND o.flow = f.flow
WHERE f.ja4 IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2

"""pg8000 and PyMySQL: sql.py postgres|mysql upgrade|refused|plain HOST ROOT KEYLOG MESSAGE"""
import ssl, sys, warnings
warnings.simplefilter("ignore")
proto, mode, host, root, keylog, text = sys.argv[1:7]
ctx = ssl.create_default_context(cafile=root)
ctx.keylog_filename = keylog
if proto == "postgres":
    import pg8000.dbapi as db
    kw = {"ssl_context": ctx} if mode != "plain" else {"ssl_context": False}
    try:
        c = db.connect(user="alice", password="garden-alice", host=host, database="postgres", **kw)
    except Exception as e:
        if mode != "refused":
            raise
        print("refused:", e)
        c = db.connect(user="alice", password="garden-alice", host=host, database="postgres", ssl_context=False)
else:
    import pymysql as db
    kw = {"ssl": ctx} if mode == "upgrade" else {} if mode == "refused" else {"ssl_disabled": True}
    c = db.connect(user="alice", password="garden-alice", host=host, database="garden", **kw)
cur = c.cursor()
cur.execute("insert into notes values (%s)", (text,))
c.commit()
cur.execute("select t from notes")
print(cur.fetchall())
c.close()

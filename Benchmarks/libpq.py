"""A connection to PostgreSQL over libpq, as the tools have one: statements with bound values, in text."""

import ctypes
import sys

_libpq = ctypes.CDLL("libpq.so.5")
for _name, _result, *_arguments in (
        ("PQconnectdb", ctypes.c_void_p, ctypes.c_char_p),
        ("PQexecParams", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int,
         ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
        ("PQresultStatus", ctypes.c_int, ctypes.c_void_p),
        ("PQerrorMessage", ctypes.c_char_p, ctypes.c_void_p),
        ("PQclear", None, ctypes.c_void_p),
        ("PQfinish", None, ctypes.c_void_p)):
    getattr(_libpq, _name).restype = _result
    getattr(_libpq, _name).argtypes = _arguments

# libpq-fe.h, ExecStatusType.
_COMMAND_OK, _TUPLES_OK = 1, 2


class Connection:
    def __init__(self, server):
        settings = f"host={server.directory} port={server.port} user=postgres dbname=postgres"
        self.handle = _libpq.PQconnectdb(settings.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _libpq.PQfinish(self.handle)

    def query(self, sql, values):
        texts = (ctypes.c_char_p * len(values))(*(value.encode() for value in values))
        result = _libpq.PQexecParams(self.handle, sql.encode(), len(values), None, texts, None, None, 0)
        if _libpq.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
            sys.exit(_libpq.PQerrorMessage(self.handle).decode())
        _libpq.PQclear(result)

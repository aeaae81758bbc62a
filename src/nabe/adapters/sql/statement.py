"""One SELECT and nothing else: the last look at SQL before a database gets it. (Its session cannot write either.)"""

from __future__ import annotations

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

_BEGIN = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
_NEVER = {
    TokenType.SEMICOLON,
    TokenType.INTO,
    TokenType.INSERT,
    TokenType.UPDATE,
    TokenType.DELETE,
    TokenType.MERGE,
    TokenType.DROP,
    TokenType.ALTER,
    TokenType.CREATE,
    TokenType.COMMAND,
    TokenType.COPY,
}


def is_one_select(sql: str, dialect: str) -> bool:
    """Is it a single SELECT that writes nowhere, locks nothing and hides nothing in comments?"""
    try:
        tokens = sqlglot.tokenize(sql, read=dialect)
    except SqlglotError:
        return False
    if not tokens or tokens[0].token_type not in _BEGIN:
        return False
    depth = 0
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth < 0 or token.token_type in _NEVER or token.comments:  # /*! … */ is code to MySQL
            return False
    return depth == 0

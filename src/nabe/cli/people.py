"""user, token, approve: who may ask."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import typer

from nabe.app import Nabe
from nabe.cli.common import AsJson, Workspace, actor_named, done, line, opened, operator, os_user, plain, say, show
from nabe.errors import Invalid
from nabe.model.ledger import Entry
from nabe.model.party import Actor, Role

#: Who these are is fixed: the public, and whoever runs the command line.
_RESERVED = ("anonymous", "operator")
_ROLES = ", ".join(role.value for role in Role)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    users = typer.Typer(help="Local accounts.", no_args_is_help=True)
    users.command("add")(add)
    users.command("list")(users_list)
    users.command("password")(password)
    users.command("remove")(remove)
    tokens = typer.Typer(help="Personal access tokens.", no_args_is_help=True)
    tokens.command("create")(create)
    tokens.command("list")(tokens_list)
    tokens.command("revoke")(revoke)
    app.add_typer(users, name="user")
    app.add_typer(tokens, name="token")
    app.command()(approve)


def _roles(names: list[str]) -> frozenset[Role]:
    known = {role.value for role in Role}
    for name in names:
        if name not in known:
            raise Invalid(f"There is no role {name!r}.", hint=f"Roles: {_ROLES}.", field="--role")
    return frozenset(Role(name) for name in names)


def _note(nabe: Nabe, action: str, detail: str) -> None:
    nabe.hub.record(Entry(dt.datetime.now(dt.UTC), f"operator:{os_user()}", "", action, detail=detail))


def _ask_password() -> str:
    """From the keyboard, twice and unseen; from standard input if that is no keyboard."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        hint = "Give it on standard input; --no-password makes an account for tokens only."
        raise Invalid("No password was given.", hint=hint, field="password")
    return given


def _account(nabe: Nabe, id: str) -> Actor:
    for actor in nabe.identity.accounts():
        if actor.id == id:
            return actor
    raise Invalid(f"There is no account {id!r}.", hint="`nabe user list` shows them.", field="id")


def add(
    id: Annotated[str, typer.Argument(help="Log-in name.")],
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    organisation: Annotated[str, typer.Option("--organisation", "-o", help="Organisation id.")] = "",
    role: Annotated[list[str], typer.Option("--role", "-r", help=f"Repeatable: {_ROLES}.")] = [],  # noqa: B006
    password: Annotated[bool, typer.Option(help="Ask for a password; without one only tokens work.")] = True,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Add or change an account. The password is asked for (or read from standard input), never an argument.

    [dim]nabe user add erika --name "Erika Mustermann" -o sozialamt -r data_owner[/dim]
    """
    if id in _RESERVED or ":" in id:
        raise Invalid(f"The name {id!r} is taken by Nabe itself.", hint="Choose another.", field="id")
    roles = _roles(role)
    with opened(workspace) as nabe:
        if organisation and organisation not in nabe.hub.organisations():
            known = ", ".join(nabe.hub.organisations())
            raise Invalid(
                f"There is no organisation {organisation!r}.", hint=f"Known: {known}.", field="--organisation"
            )
        secret = _ask_password() if password else None
        nabe.identity.put_account(Actor(id, name or id, organisation, roles), secret)
        held = f"{id} of {organisation or 'no organisation'}: {', '.join(sorted(roles)) or 'no roles'}"
        _note(nabe, "account_put", held)
    done(held, {"id": id, "organisation": organisation, "roles": sorted(roles)}, as_json)


def password(
    id: Annotated[str, typer.Argument(help="Log-in name.")], workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """Set a new password; sessions that are open end. It is asked for, or read from standard input.

    [dim]nabe user password erika[/dim]
    """
    with opened(workspace) as nabe:
        nabe.identity.put_account(_account(nabe, id), _ask_password())
        _note(nabe, "password_set", id)
    done(id, {"id": id}, as_json)


def remove(
    id: Annotated[str, typer.Argument(help="Log-in name.")], workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """End an account with all its tokens and sessions. The ledger keeps what it did.

    [dim]nabe user remove erika[/dim]
    """
    with opened(workspace) as nabe:
        _account(nabe, id)
        nabe.store.identity.remove_account(id)
        _note(nabe, "account_removed", id)
    done(id, {"id": id}, as_json)


def users_list(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """All accounts.

    [dim]nabe user list --json[/dim]
    """
    with opened(workspace) as nabe:
        rows = [
            {"id": item.id, "name": item.name, "organisation": item.organisation, "roles": sorted(item.roles)}
            for item in nabe.identity.accounts()
        ]
    show(rows, ("id", "name", "organisation", "roles"), as_json=as_json)


def create(
    user: Annotated[str, typer.Option("--user", help="Account; default: one made for the token.")] = "",
    role: Annotated[list[str], typer.Option("--role", "-r", help=f"Repeatable: {_ROLES}.")] = [],  # noqa: B006
    name: Annotated[str, typer.Option(help="What the token is for.")] = "cli",
    days: Annotated[int, typer.Option(help="Valid for so many days; 0: until revoked.")] = 90,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is shown once.

    With --user the token has the account's roles (or those of --role among them). Without, an account of the
    municipality with these roles is made for it.

    [dim]nabe token create --user erika --name report --days 30[/dim]
    [dim]nabe token create --role data_owner --json[/dim]
    """
    now = dt.datetime.now(dt.UTC)
    with opened(workspace) as nabe:
        roles = _roles(role)
        if not user:
            if not roles:
                raise Invalid("Name an account or a role.", hint=f"--user or --role ({_ROLES}).", field="--user")
            home = operator(nabe.catalogue.snapshot()).organisation
            user = f"token-{'-'.join(sorted(roles))}"
            nabe.identity.put_account(Actor(user, user, home, roles), None)
        elif missing := roles - _account(nabe, user).roles:
            hint = f"Its roles: {', '.join(sorted(_account(nabe, user).roles)) or 'none'}."
            raise Invalid(f"{user!r} has no role {sorted(missing)[0]!r}.", hint=hint, field="--role")
        expires = now + dt.timedelta(days=days) if days else None
        token, secret = nabe.identity.create_token(user, name, at=now, expires=expires, roles=roles or None)
        _note(nabe, "token_created", f"{token.id} for {user}")
    if as_json:
        say({"token": secret, "id": token.id, "actor": user, "expires": expires})
    else:
        line(plain(secret))
        line("[dim]Shown once: keep it safe.[/dim]")


def tokens_list(
    user: Annotated[str, typer.Argument(help="Log-in name.")], workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """Tokens and sessions of an account.

    [dim]nabe token list erika[/dim]
    """
    with opened(workspace) as nabe:
        _account(nabe, user)
        rows = [
            {
                "id": item.id,
                "name": item.name,
                "created": item.created,
                "expires": item.expires,
                "last_used": item.last_used,
            }
            for item in nabe.identity.tokens(user)
        ]
    show(rows, ("id", "name", "created", "expires", "last_used"), as_json=as_json)


def revoke(
    id: Annotated[str, typer.Argument(help="Id of the token: the part after nabe_.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """End a token. A running server forgets it within seconds.

    [dim]nabe token revoke 6591977ec11b[/dim]
    """
    id = id.removeprefix("nabe_").partition("_")[0]
    with opened(workspace) as nabe:
        owners = [
            actor.id for actor in nabe.identity.accounts() if id in {t.id for t in nabe.identity.tokens(actor.id)}
        ]
        if not owners:
            raise Invalid(f"There is no token {id!r}.", hint="`nabe token list ACCOUNT` shows them.", field="id")
        nabe.identity.revoke(id)
        _note(nabe, "token_revoked", f"{id} of {owners[0]}")
    done(id, {"id": id, "actor": owners[0]}, as_json)


def approve(
    use_case: Annotated[str, typer.Argument(help="Use case that asks.")],
    dataset: Annotated[str, typer.Argument(help="Dataset it asks for.")],
    actor: Annotated[str, typer.Option("--as", help="Account of the data owner.")],
    note: Annotated[str, typer.Option(help="A word for the record.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the consent back.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Give the data owner's consent to a grant, or take it back.

    [dim]nabe approve kita_supply kita_plaetze --as kita-amt[/dim]
    [dim]nabe approve kita_supply kita_plaetze --as kita-amt --withdraw[/dim]
    """
    with opened(workspace) as nabe:
        owner = actor_named(nabe, actor)
        if withdraw:
            version = nabe.hub.withdraw(owner, use_case, dataset)
        else:
            version = nabe.hub.approve(owner, use_case, dataset, note=note)
    done(f"{dataset} for {use_case} (version {version})", {"version": version}, as_json)
    if not as_json:
        line("[dim]It stays in force until the grant's terms change. `nabe export .` writes it into the files.[/dim]")

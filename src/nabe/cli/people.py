"""user, token, approve: who may ask."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from nabe.cli.common import AsJson, Workspace, actor_named, opened, operator, os_user, out, say, show
from nabe.errors import Invalid
from nabe.model.ledger import Entry
from nabe.model.party import Actor, Role

_ROLES = ", ".join(role.value for role in Role)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    users = typer.Typer(help="Local accounts.", no_args_is_help=True)
    users.command("add")(add)
    users.command("list")(users_list)
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


def add(
    id: Annotated[str, typer.Argument(help="Log-in name.")],
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    organisation: Annotated[str, typer.Option("--organisation", "-o", help="Organisation id.")] = "",
    role: Annotated[list[str], typer.Option("--role", "-r", help=f"Repeatable: {_ROLES}.")] = [],  # noqa: B006
    password: Annotated[bool, typer.Option(help="Ask for a password; without one only tokens work.")] = True,
    workspace: Workspace = None,
) -> None:
    """Add or change an account. The password is asked for (or read from standard input), never an argument.

    [dim]nabe user add erika --name "Erika Mustermann" -o sozialamt -r data_owner[/dim]
    """
    with opened(workspace) as nabe:
        if organisation and organisation not in nabe.hub.organisations():
            known = ", ".join(nabe.hub.organisations())
            raise Invalid(
                f"There is no organisation {organisation!r}.", hint=f"Known: {known}.", field="--organisation"
            )
        secret = typer.prompt("Password", hide_input=True, confirmation_prompt=False) if password else None
        nabe.identity.put_account(Actor(id, name or id, organisation, _roles(role)), secret)
        nabe.hub.record(Entry(dt.datetime.now(dt.UTC), f"operator:{os_user()}", "", "account_put", detail=id))
    out.print(f"[green]✓[/green] {id}")


def users_list(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """All accounts."""
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
        expires = now + dt.timedelta(days=days) if days else None
        token, secret = nabe.identity.create_token(user, name, at=now, expires=expires, roles=roles or None)
        detail = f"{token.id} for {user}"
        nabe.hub.record(Entry(now, f"operator:{os_user()}", "", "token_created", detail=detail))
    if as_json:
        say({"token": secret, "id": token.id, "actor": user, "expires": expires})
    else:
        out.print(secret, highlight=False, soft_wrap=True)
        out.print("[dim]Shown once: keep it safe.[/dim]")


def tokens_list(user: Annotated[str, typer.Argument()], workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Tokens and sessions of an account."""
    with opened(workspace) as nabe:
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


def revoke(id: Annotated[str, typer.Argument(help="Id of the token.")], workspace: Workspace = None) -> None:
    """End a token."""
    with opened(workspace) as nabe:
        nabe.identity.revoke(id)
        nabe.hub.record(Entry(dt.datetime.now(dt.UTC), f"operator:{os_user()}", "", "token_revoked", detail=id))
    out.print(f"[green]✓[/green] {id}")


def approve(
    use_case: Annotated[str, typer.Argument(help="Use case that asks.")],
    dataset: Annotated[str, typer.Argument(help="Dataset it asks for.")],
    actor: Annotated[str, typer.Option("--as", help="Account of the data owner.")],
    note: Annotated[str, typer.Option(help="A word for the record.")] = "",
    workspace: Workspace = None,
) -> None:
    """Give the data owner's consent to a grant."""
    with opened(workspace) as nabe:
        version = nabe.hub.approve(actor_named(nabe, actor), use_case, dataset, note=note)
    out.print(f"[green]✓[/green] {dataset} for {use_case} (version {version})")
    out.print("[dim]`nabe export` writes it into the files.[/dim]")

"""Finds and changes the linked roles, inside the caller's transaction; holds no rule."""

from sqlalchemy import Connection

from credentials.credential import RoleState
from credentials.refusals import DamagedRow
from credentials.tables import ROLE

_STATES = tuple(state.value for state in RoleState)


def state(connection: Connection, provider: str) -> RoleState:
    """The state of the provider's linked role; DISABLED where there is none."""
    query = ROLE.select().with_only_columns(ROLE.c.state).where(ROLE.c.provider == provider)
    found = connection.execute(query).scalar() or RoleState.DISABLED.value
    if found not in _STATES:
        raise DamagedRow("linked_role")
    return RoleState(found)


def states(connection: Connection) -> dict[str, RoleState]:
    """The linked roles by provider; a provider without one is not there. Raises DamagedRow."""
    found = connection.execute(ROLE.select().order_by(ROLE.c.provider))
    states: dict[str, str] = dict(found.tuples().all())
    if not all(value in _STATES for value in states.values()):
        raise DamagedRow("linked_role")
    return {provider: RoleState(value) for provider, value in states.items()}


def set_state(connection: Connection, provider: str, state: RoleState) -> None:
    """Give the provider's role this state; DISABLED takes it away, which the database refuses while a
    binding points to it.
    """
    if state is RoleState.DISABLED:
        connection.execute(ROLE.delete().where(ROLE.c.provider == provider))
        return
    changed = connection.execute(ROLE.update().where(ROLE.c.provider == provider).values(state=state.value))
    if changed.rowcount == 0:
        connection.execute(ROLE.insert().values(provider=provider, state=state.value))

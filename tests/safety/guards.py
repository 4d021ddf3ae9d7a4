"""Every guard that ``make mutants`` takes out, and the tests that must then go red.

``old`` is found exactly once in the file, or the run ends with an error: the guard moved, and this table follows it.
"""

from __future__ import annotations

from tests.safety.admission_guards import ADMISSION_GUARDS
from tests.safety.backup_guards import BACKUP_GUARDS
from tests.safety.brake_guards import BRAKE_GUARDS
from tests.safety.component_guards import COMPONENT_GUARDS
from tests.safety.data_guards import DATA_GUARDS
from tests.safety.database_guards import DATABASE_GUARDS
from tests.safety.dependency_guards import DEPENDENCY_GUARDS
from tests.safety.detour_guards import DETOUR_GUARDS
from tests.safety.drill_guards import DRILL_GUARDS
from tests.safety.drill_restore_guards import DRILL_RESTORE_GUARDS
from tests.safety.flag_guards import FLAG_GUARDS
from tests.safety.glass_guards import GLASS_GUARDS
from tests.safety.ground_guards import GROUND_GUARDS
from tests.safety.group_guards import GROUP_GUARDS
from tests.safety.guard import Guard
from tests.safety.ladder_guards import LADDER_GUARDS
from tests.safety.ledger_guards import LEDGER_GUARDS
from tests.safety.lock_guards import LOCK_GUARDS
from tests.safety.migration_guards import MIGRATION_GUARDS
from tests.safety.moving_guards import MOVING_GUARDS
from tests.safety.notice_guards import NOTICE_GUARDS
from tests.safety.objective_guards import OBJECTIVE_GUARDS
from tests.safety.partial_guards import PARTIAL_GUARDS
from tests.safety.people_guards import PEOPLE_GUARDS
from tests.safety.preview_guards import PREVIEW_GUARDS
from tests.safety.readiness_guards import READINESS_GUARDS
from tests.safety.reads_only_guards import READS_ONLY_GUARDS
from tests.safety.region_guards import REGION_GUARDS
from tests.safety.rules_01_to_04_guards import RULES_01_TO_04
from tests.safety.rules_05_to_11_guards import RULES_05_TO_11
from tests.safety.secret_guards import SECRET_GUARDS
from tests.safety.signal_guards import SIGNAL_GUARDS
from tests.safety.singleton_guards import SINGLETON_GUARDS
from tests.safety.telemetry_guards import TELEMETRY_GUARDS
from tests.safety.watch_guards import WATCH_GUARDS

GUARDS: tuple[Guard, ...] = (
    *RULES_01_TO_04,
    *RULES_05_TO_11,
    *PEOPLE_GUARDS,
    *GROUND_GUARDS,
    *SECRET_GUARDS,
    *SIGNAL_GUARDS,
    *LADDER_GUARDS,
    *MIGRATION_GUARDS,
    *DATA_GUARDS,
    *DATABASE_GUARDS,
    *BACKUP_GUARDS,
    *BRAKE_GUARDS,
    *COMPONENT_GUARDS,
    *GLASS_GUARDS,
    *LEDGER_GUARDS,
    *LOCK_GUARDS,
    *MOVING_GUARDS,
    *PREVIEW_GUARDS,
    *PARTIAL_GUARDS,
    *DETOUR_GUARDS,
    *DRILL_GUARDS,
    *DRILL_RESTORE_GUARDS,
    *READS_ONLY_GUARDS,
    *READINESS_GUARDS,
    *REGION_GUARDS,
    *NOTICE_GUARDS,
    *OBJECTIVE_GUARDS,
    *TELEMETRY_GUARDS,
    *FLAG_GUARDS,
    *SINGLETON_GUARDS,
    *ADMISSION_GUARDS,
    *DEPENDENCY_GUARDS,
    *WATCH_GUARDS,
    *GROUP_GUARDS,
)

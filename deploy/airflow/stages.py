"""Airflow as the caller: one task for a stage. Never one for a document: a stage has a million, and the budget of a
portal is the limiter's business and not the scheduler's."""

from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("conveyor", schedule="0 22 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    previous = None
    for stage in ("stage-1-small", "stage-2-medium", "stage-mid-filtered"):
        task = BashOperator(
            task_id=stage,
            # 3: some documents failed, and the report names them. SIGTERM (a task that is cleared) ends it in order.
            bash_command=f"conveyor run --yes --stage {stage} || [ $? = 3 ]",
            append_env=True, retries=3, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(days=7))
        if previous:
            previous >> task
        previous = task

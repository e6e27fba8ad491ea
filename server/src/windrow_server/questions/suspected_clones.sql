-- Instances that have one number with two batches, and all instances that number their batches.
with
    numbers as (
        select instance_id, number, min(batch_id) != max(batch_id) as twice
        from batches
        where product = {product:String}
          and day > {until:Date} - 90
          and day <= {until:Date}
          and instance_kind in ('database', 'file')
        group by instance_id, number
    ),
    instances as (
        select instance_id, max(twice) as cloned
        from numbers
        group by instance_id
    )
select countIf(cloned) as suspected, count() as numbered
from instances

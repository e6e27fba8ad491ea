-- Growth accounting by week: what each instance's week was, judged by all its weeks up to `until`.
with
    lives as (
        select arraySort(groupUniqArray(toMonday(day))) as weeks
        from instance_days final
        where product = {product:String}
          and day <= {until:Date}
          and instance_kind in ('database', 'file')
        group by instance_id
    ),
    marks as (
        select arrayJoin(arrayConcat(
            arrayMap(
                (week, previous) -> (
                    week,
                    multiIf(previous = toDate(0), 'new', previous = week - 7, 'stayed', 'returning')
                ),
                weeks,
                arrayPushFront(arrayPopBack(weeks), toDate(0))
            ),
            arrayMap(
                week -> (week + 7, 'gone'),
                arrayFilter(week -> not has(weeks, week + 7), weeks)
            )
        )) as mark
        from lives
    ),
    counted as (
        select
            mark.1 as week,
            countIf(mark.2 = 'new') as new,
            countIf(mark.2 = 'returning') as returning,
            countIf(mark.2 = 'stayed') as stayed,
            countIf(mark.2 = 'gone') as gone
        from marks
        group by week
    ),
    grid as (
        select arrayJoin(arrayMap(
            n -> toMonday({since:Date}) + 7 * n,
            range(toUInt32(dateDiff('day', toMonday({since:Date}), toMonday({until:Date})) / 7 + 1))
        )) as week
    )
select
    grid.week as week,
    counted.new as new,
    counted.returning as returning,
    counted.stayed as stayed,
    if(grid.week = toMonday({until:Date}), null, counted.gone) as gone
from grid
left join counted on grid.week = counted.week
order by week

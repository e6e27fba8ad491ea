-- What is held of one instance, the newest first.
select event_id, event, day, hour, properties, context, catalogue, received
from events final
where product = {product:String}
  and instance_id = {instance:UUID}
order by day desc, hour desc, received desc, event_id
limit {most:UInt32}

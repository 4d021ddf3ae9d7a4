BEGIN TRANSACTION;
CREATE TABLE beats (
	service VARCHAR(63) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (service, name)
);
INSERT INTO "beats" VALUES('shop','guard',1800000000.25,1800000003.25,'{"blind":"","demand":{"east":0.0,"west":0.0},"pid":4523}');
CREATE TABLE events (
	service VARCHAR(63) NOT NULL, 
	seq BIGINT NOT NULL, 
	at FLOAT NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	operation VARCHAR(200), 
	epoch BIGINT NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	lease TEXT, 
	body TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	prev_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (service, seq)
);
INSERT INTO "events" VALUES('shop',1,1800000000.25,'baseline_certified','shop-adoption-ee1bb3a2e3cf30b5',1,'ann',NULL,'{"certified_by":"ann","release":{"digest":"sha256:b8031a97399d62b7bf31d45f5da6531e1da9fe57cddd1c96966c011629e41de2","flags":[],"schema_revision":"","sequence":1,"version":"1.0.0"},"slot":"a","why":"the shop has run on it for a year"}',1,'0000000000000000000000000000000000000000000000000000000000000000','5c3da86b5d2c3d61e1a77df1038f54874d4076b472b0d0a6ed7bb1a66e2aaa84');
INSERT INTO "events" VALUES('shop',2,1800000000.25,'operation_closed','shop-adoption-ee1bb3a2e3cf30b5',1,'ann',NULL,'{"outcome":"adopted","why":"the shop has run on it for a year"}',1,'5c3da86b5d2c3d61e1a77df1038f54874d4076b472b0d0a6ed7bb1a66e2aaa84','7564f3bddaac178ab81293417b2d6e5e2f4860677c0743363169d455cf0b8c27');
INSERT INTO "events" VALUES('shop',3,1800000000.25,'operation_opened','shop-promotion-837a8d5ec1523ebe',2,'test','{"holder":"test","kind":"promotion","operation":"shop-promotion-837a8d5ec1523ebe"}','{"binding":{"candidate_version":"1.1.0","fast_lane":false,"stable":{"digest":"sha256:b8031a97399d62b7bf31d45f5da6531e1da9fe57cddd1c96966c011629e41de2","flags":[],"schema_revision":"","sequence":1,"version":"1.0.0"},"stable_slot":"a"},"kind":"promotion","plan":{"kind":"promotion","policy_digest":"sha256:policy","service":"shop","settings":{"capacity":{"instances":2,"per_instance":60.0},"judge":{"alpha":0.01,"endpoints":["checkout","browse"],"margin_errors":1.0,"margin_latency":1.2,"stale_after":5.0,"warm_up":0.1},"objectives":{"availability":0.999,"latency_p99":2.0},"region_order":["east","west"],"rollback":{"fast_lane":10.0,"steps":[5000,0]},"shares":{"east":5000,"west":5000},"waves":["east","west"]},"stages":[{"id":"admit","nodes":[{"approval":null,"args":{},"effect":false,"id":"admit.verify","reversibility":"reversible","type":"Step","verb":"verify_release"},{"args":{},"id":"admit.guard","kind":"guard_alive","type":"Gate","within":120.0}],"phase":"forward","title":"Admit the release"},{"id":"snapshot","nodes":[{"approval":null,"args":{"checks":[{"id":"orders_have_events","no_rows":"select o.id from orders o left join order_events e on e.order_id = o.id where e.order_id is null"},{"id":"events_have_orders","no_rows":"select e.order_id from order_events e left join orders o on o.id = e.order_id where o.id is null"},{"equal":["select coalesce(sum(total_cents), 0) from orders","select coalesce(sum(total_cents), 0) from order_events"],"id":"totals_are_equal"},{"id":"sessions_are_not_orphaned","no_rows":"select o.id from orders o left join sessions s on s.id = o.session_id where s.id is null"},{"id":"orders_do_not_vanish","not_below_snapshot":"orders"},{"arguments":{"column":"quantity","min_value":1},"expect":"expect_column_values_to_be_between","id":"quantity_is_positive","table":"orders"}]},"effect":false,"id":"snapshot.take","reversibility":"reversible","type":"Step","verb":"snapshot_data"}],"phase":"forward","title":"Data before"},{"id":"wave-1","nodes":[{"approval":null,"args":{"instances":2,"region":"east","role":"candidate","wait":true},"effect":true,"id":"wave-1.deploy","reversibility":"reversible","type":"Step","verb":"deploy_release"},{"args":{"region":"east","role":"candidate"},"id":"wave-1.ready","kind":"ready","type":"Gate","within":120.0},{"approval":null,"args":{"weights":{"east":2500}},"effect":true,"id":"wave-1.shift-25","reversibility":"reversible","type":"Step","verb":"shift_traffic"},{"args":{"confidence":0.95,"full_weight":false,"not_worse_by":null,"per_endpoint":0,"region":"east","requests":3,"sessions":0},"id":"wave-1.gate-25","kind":"evidence","type":"Gate","within":300.0},{"approval":null,"args":{"weights":{"east":10000}},"effect":true,"id":"wave-1.shift-100","reversibility":"reversible","type":"Step","verb":"shift_traffic"},{"args":{"confidence":0.95,"full_weight":true,"not_worse_by":null,"per_endpoint":0,"region":"east","requests":3,"sessions":0},"id":"wave-1.gate-100","kind":"evidence","type":"Gate","within":300.0}],"phase":"forward","title":"Wave 1"},{"id":"wave-2","nodes":[{"approval":null,"args":{"instances":2,"region":"west","role":"candidate","wait":true},"effect":true,"id":"wave-2.deploy","reversibility":"reversible","type":"Step","verb":"deploy_release"},{"args":{"region":"west","role":"candidate"},"id":"wave-2.ready","kind":"ready","type":"Gate","within":120.0},{"approval":null,"args":{"weights":{"east":10000,"west":10000}},"effect":true,"id":"wave-2.shift-100","reversibility":"reversible","type":"Step","verb":"shift_traffic"},{"args":{"confidence":0.95,"full_weight":true,"not_worse_by":null,"per_endpoint":0,"region":"west","requests":3,"sessions":0},"id":"wave-2.gate-100","kind":"evidence","type":"Gate","within":300.0}],"phase":"forward","title":"Wave 2"},{"id":"bake","nodes":[{"args":{"lasts":1.0,"requests":3},"id":"bake.watch","kind":"bake","type":"Gate","within":301.0}],"phase":"forward","title":"Bake at full weight"},{"id":"certify","nodes":[{"approval":null,"args":{},"effect":false,"id":"certify.baseline","reversibility":"reversible_until","type":"Step","verb":"certify_baseline"},{"approval":null,"args":{},"effect":false,"id":"certify.catalog","reversibility":"reversible_until","type":"Step","verb":"enter_catalog"},{"approval":null,"args":{"instances":1,"region":"east","role":"stable","wait":true},"effect":true,"id":"certify.relax-1","reversibility":"reversible","type":"Step","verb":"deploy_release"},{"approval":null,"args":{"instances":1,"region":"west","role":"stable","wait":true},"effect":true,"id":"certify.relax-2","reversibility":"reversible","type":"Step","verb":"deploy_release"}],"phase":"forward","title":"Certify the baseline"},{"id":"return","nodes":[{"approval":null,"args":{"as_far_as_safe":true,"at_most":0},"effect":true,"id":"return.stop-loss","reversibility":"reversible","type":"Step","verb":"return_traffic"},{"approval":null,"args":{"instances":2,"region":"west","role":"stable","wait":false},"effect":true,"id":"return.restore-2","reversibility":"reversible","type":"Step","verb":"deploy_release"},{"approval":null,"args":{"instances":2,"region":"east","role":"stable","wait":false},"effect":true,"id":"return.restore-1","reversibility":"reversible","type":"Step","verb":"deploy_release"},{"args":{"at_most":5000},"id":"return.capacity-50","kind":"capacity","type":"Gate","within":300.0},{"approval":null,"args":{"at_most":5000},"effect":true,"id":"return.shift-50","reversibility":"reversible","type":"Step","verb":"return_traffic"},{"args":{"at_most":0},"id":"return.capacity-0","kind":"capacity","type":"Gate","within":300.0},{"approval":null,"args":{"at_most":0},"effect":true,"id":"return.shift-0","reversibility":"reversible","type":"Step","verb":"return_traffic"},{"args":{},"id":"return.drained","kind":"drained","type":"Gate","within":30.0},{"args":{"checks":[{"id":"orders_have_events","no_rows":"select o.id from orders o left join order_events e on e.order_id = o.id where e.order_id is null"},{"id":"events_have_orders","no_rows":"select e.order_id from order_events e left join orders o on o.id = e.order_id where o.id is null"},{"equal":["select coalesce(sum(total_cents), 0) from orders","select coalesce(sum(total_cents), 0) from order_events"],"id":"totals_are_equal"},{"id":"sessions_are_not_orphaned","no_rows":"select o.id from orders o left join sessions s on s.id = o.session_id where s.id is null"},{"id":"orders_do_not_vanish","not_below_snapshot":"orders"},{"arguments":{"column":"quantity","min_value":1},"expect":"expect_column_values_to_be_between","id":"quantity_is_positive","table":"orders"}]},"id":"return.data-after-traffic","kind":"data","type":"Gate","within":300.0},{"approval":null,"args":{"region":"west","role":"candidate"},"effect":true,"id":"return.withdraw-2","reversibility":"reversible","type":"Step","verb":"withdraw_release"},{"approval":null,"args":{"region":"east","role":"candidate"},"effect":true,"id":"return.withdraw-1","reversibility":"reversible","type":"Step","verb":"withdraw_release"},{"args":{"checks":[{"id":"orders_have_events","no_rows":"select o.id from orders o left join order_events e on e.order_id = o.id where e.order_id is null"},{"id":"events_have_orders","no_rows":"select e.order_id from order_events e left join orders o on o.id = e.order_id where o.id is null"},{"equal":["select coalesce(sum(total_cents), 0) from orders","select coalesce(sum(total_cents), 0) from order_events"],"id":"totals_are_equal"},{"id":"sessions_are_not_orphaned","no_rows":"select o.id from orders o left join sessions s on s.id = o.session_id where s.id is null"},{"id":"orders_do_not_vanish","not_below_snapshot":"orders"},{"arguments":{"column":"quantity","min_value":1},"expect":"expect_column_values_to_be_between","id":"quantity_is_positive","table":"orders"}]},"id":"return.data-after-release","kind":"data","type":"Gate","within":300.0}],"phase":"return","title":"The way back"}]},"plan_digest":"sha256:7ce04e408ba575a096daa1bbe962afcf7d910dac783a0401190426bb72a1ea71","reason":"a test","request_id":"promote 1.1.0","requester":"cat","split":"east-b=0,east-a=5000,west-a=5000,west-b=0"}',1,'7564f3bddaac178ab81293417b2d6e5e2f4860677c0743363169d455cf0b8c27','c8b38fb1b8e001737514cde370588243bd6c2e4eb48f1f41ef94116bb351db20');
CREATE TABLE evidence (
	service VARCHAR(63) NOT NULL, 
	operation VARCHAR(200) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	at FLOAT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (service, operation, "key")
);
CREATE TABLE heads (
	service VARCHAR(63) NOT NULL, 
	seq BIGINT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	epoch BIGINT NOT NULL, 
	lease_operation VARCHAR(200), 
	lease_kind VARCHAR(32), 
	lease_holder VARCHAR(200), 
	lease_expires_at FLOAT, 
	PRIMARY KEY (service)
);
INSERT INTO "heads" VALUES('shop',3,'c8b38fb1b8e001737514cde370588243bd6c2e4eb48f1f41ef94116bb351db20',2,'shop-promotion-837a8d5ec1523ebe','promotion','test',1800000030.25);
CREATE TABLE tidegate_journal_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT tidegate_journal_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "tidegate_journal_version" VALUES('0001');
CREATE INDEX events_by_operation ON events (service, operation, seq);
CREATE INDEX events_by_kind ON events (service, kind, seq);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
COMMIT;

local function mounts(t, list) t.facts({ mounts = { mounts = list } }) end

test("is content below the threshold", function(t)
  mounts(t, { { point = "/", type = "ext4", used_percent = 89, inode_count = 100, inode_free_count = 50 } })
  t.equal(t.run {}, { ok = true, checked = 1, over = {} })
end)

test("names the mounts that are over, and logs each", function(t)
  mounts(t, { { point = "/", type = "ext4", used_percent = 20 },
    { point = "/var", type = "xfs", used_percent = 96, available_bytes = 7, inode_count = 10, inode_free_count = 9 } })
  local result = t.run { threshold = 95 }
  t.equal(result.ok, false)
  t.equal(result.over, { { mount = "/var", used_percent = 96, inodes_percent = 10, available_bytes = 7 } })
  t.equal(t.logs[1].event, "disk_nearly_full")
end)

test("counts inodes as well", function(t)
  mounts(t, { { point = "/", type = "ext4", used_percent = 1, inode_count = 1000, inode_free_count = 10 } })
  t.equal(t.run({}).over[1].inodes_percent, 99)
end)

test("skips file systems that are always full and those that gave no numbers", function(t)
  mounts(t, { { point = "/snap", type = "squashfs", used_percent = 100 },
    { point = "/net", type = "nfs", used_percent = skep.null } })
  t.equal(t.run({}).checked, 0)
end)

test("fails the task when asked to", function(t)
  mounts(t, { { point = "/", type = "ext4", used_percent = 99 } })
  local result, why = t.run { fail = true }
  t.equal(result, nil)
  t.match(why.message, "1 of 1 mounts")
end)

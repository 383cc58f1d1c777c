return skep.task {
  name = "disk_check", version = "1.0.0", description = "warn when a mount is nearly full",
  params = {
    threshold = { type = "number", minimum = 0, maximum = 100, default = 90, description = "percent used" },
    inodes = { type = "number", minimum = 0, maximum = 100, default = 95, description = "percent of inodes used" },
    ignore = { type = "array", items = { type = "string" }, default = { "squashfs", "iso9660", "overlay" },
      description = "file system types that are always full" },
    fail = { type = "boolean", default = false, description = "fail the task when a mount is over" },
  },
  permissions = { "facts" }, timeout = "30s",
  run = function(ctx, params)
    local ignored = {}
    for _, type in ipairs(params.ignore) do ignored[type] = true end
    local function inodes_used(mount)
      local total, free = mount.inode_count or 0, mount.inode_free_count or 0
      return total > 0 and 100 * (total - free) / total or 0
    end
    local over, checked = skep.array(), 0
    for _, mount in ipairs(ctx.facts("mounts").mounts) do
      local used = mount.used_percent
      if used and used ~= skep.null and not ignored[mount.type] then
        checked = checked + 1
        local inodes = inodes_used(mount)
        if used >= params.threshold or inodes >= params.inodes then
          over[#over + 1] = { mount = mount.point, used_percent = used,
            inodes_percent = math.floor(inodes + 0.5), available_bytes = mount.available_bytes }
          ctx.log.warn("disk_nearly_full", over[#over])
        end
      end
    end
    if params.fail and #over > 0 then
      ctx.fail(#over .. " of " .. checked .. " mounts are nearly full, first " .. over[1].mount)
    end
    return { ok = #over == 0, checked = checked, over = over }
  end,
}

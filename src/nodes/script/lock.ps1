# At most one operation that changes something runs on a node. Who runs one leaves a key below this one, which only administrators
# may write. The key is named after the process and the time it started, so that one left by a process that is gone, or from before
# a reboot, is known from its name alone. Everybody writes the own key before reading the others', so of two at least one sees both.

$locksPath = 'HKLM:\SOFTWARE\HciRegistration\Locks'

# What the key of a running process is named; empty where there is no such process.
function Get-ProcessMark {
    param($ProcessId)
    $process = Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $ProcessId" -ErrorAction Stop
    if ($null -eq $process) {
        return ''
    }
    $started = "$(Get-OptionalInstant -Value $process.CreationDate)" -replace '[^0-9]', ''
    return "$ProcessId-$started"
}

function Enter-Lock {
    param($Mark, $Operation, $CorrelationId)
    Confirm-RegistryKey -Path $recordsPath
    Confirm-RegistryKey -Path $locksPath
    $path = "$locksPath\$Mark"
    $null = New-Item -Path $path -ErrorAction Stop
    $since = (Get-Date).ToUniversalTime().ToString('o')
    $null = New-ItemProperty -Path $path -Name 'Operation' -PropertyType String -Value $Operation -Force -ErrorAction Stop
    $null = New-ItemProperty -Path $path -Name 'Since' -PropertyType String -Value $since -Force -ErrorAction Stop
    $null = New-ItemProperty -Path $path -Name 'CorrelationId' -PropertyType String -Value "$CorrelationId" -Force -ErrorAction Stop

    # A key of another form is nobody's mark: it holds nothing, and is not ours to remove.
    $others = @(
        Get-ChildItem -Path $locksPath -ErrorAction Stop |
            ForEach-Object { $_.PSChildName } |
            Where-Object { $_ -ne $Mark -and $_ -match '\A[0-9]{1,9}-[0-9]+\z' }
    )
    foreach ($other in $others) {
        if ((Get-ProcessMark -ProcessId ([int]($other -replace '-.*$', ''))) -ne $other) {
            Remove-Item -Path "$locksPath\$other" -Recurse -Force -ErrorAction SilentlyContinue
        }
        else {
            $held = Get-ItemProperty -Path "$locksPath\$other" -ErrorAction SilentlyContinue
            Stop-Operation -Id 'OperationInProgress' -Message "$($held.Operation) is running on this node since $($held.Since) (process $other)."
        }
    }
}

function Exit-Lock {
    param($Mark)
    # What is left is known as stale once this process is gone; the outcome of the operation stands.
    Remove-Item -Path "$locksPath\$Mark" -Recurse -Force -ErrorAction SilentlyContinue
}

# One command: `hcireg/<version> <operation>` from sshd, or from the document of a controller that brought the script along.

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$ConfirmPreference = 'None'
try {
    # Only what the agent's program prints is read with it.
    [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
}
catch {
    $null = $_
}

$readingOperations = @('probe', 'clusterProbe', 'connectivity', 'events')
$changingOperations = @(
    'newRegistrationCertificate', 'setRegistrationCertificate', 'removeRegistrationCertificate',
    'setRegistration', 'removeRegistration', 'startCloudManagement', 'removeCloudManagement', 'sync',
    'removeCustomImdsHostAddress', 'initializeArcIntegration', 'clearArcIntegration', 'disableArcIntegration',
    'registerArcRegistrationTask', 'unregisterArcRegistrationTask', 'startArcRegistrationTask',
    'setAgentProxy', 'disconnectAgent'
)

$execution = 'Dispatcher'
$command = "$env:SSH_ORIGINAL_COMMAND"
if ($null -ne $hcireg) {
    $execution = 'Inline'
    $command = "$($hcireg.command)"
}

$refusal = ''
$operation = ''
if ($command -cmatch '\Ahcireg/([0-9]{1,9}) ([A-Za-z]{1,64})\z') {
    $operation = $Matches[2]
    if ($Matches[1] -ne "$contractVersion") {
        $refusal = "version $($Matches[1]) of the operations was asked for"
    }
    elseif (-not (($readingOperations + $changingOperations) -ccontains $operation)) {
        $refusal = "there is no operation $operation"
    }
}
else {
    $refusal = 'only operations of hcireg may be run here'
}
if ($refusal -ne '') {
    Write-Error -Message "hcireg: $refusal. This node has version $contractVersion, script release $scriptRelease." -ErrorAction Continue
    exit 126
}

$document = $null
$failure = $null
$result = $null
$mark = ''
try {
    $document = $hcireg
    if ($execution -eq 'Dispatcher') {
        try {
            $document = ConvertFrom-Json -InputObject (@($input) -join '')
        }
        catch {
            $document = $null
        }
    }
    if ($null -eq $document.arguments -or $document.correlationId -isnot [string]) {
        Stop-Operation -Id 'InvalidDocument' -Message 'There is no document on standard input.'
    }
    if ($changingOperations -ccontains $operation) {
        $mark = Get-ProcessMark -ProcessId $PID
        Enter-Lock -Mark $mark -Operation $operation -CorrelationId $document.correlationId
    }
    $result = & "Invoke-$operation" -Arguments $document.arguments
}
catch {
    $failure = Get-Failure -Record $_ -Arguments $document.arguments
}
finally {
    if ($mark -ne '') {
        Exit-Lock -Mark $mark
    }
}
Write-Audit -Operation $operation -CorrelationId $document.correlationId -Failure $failure
Write-Answer -Operation $operation -Result $result -Failure $failure
if ($null -ne $failure) {
    exit 10
}
exit 0

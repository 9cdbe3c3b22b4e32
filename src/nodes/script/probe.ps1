# probe: everything about one node in one run. What does not exist on a build is null; what cannot be read is an error.

$taskName = 'ArcRegistrationTask'
$stampPath = 'HKLM:\SOFTWARE\Microsoft\AzureStackStampInformation'
# Microsoft Update, among the services that automatic updates ask.
$microsoftUpdatePath = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Services\7971F918-A847-4430-9279-4A52D1EFE18D'
$imdsPath = 'HKLM:\SOFTWARE\Microsoft\Windows Azure\CurrentVersion\IMDS'

# The values of a key, or null.
function Get-RegistryKey {
    param($Path)
    if (-not (Test-Path -Path $Path)) {
        return $null
    }
    return Get-ItemProperty -Path $Path -ErrorAction Stop
}

function Get-Registration {
    $found = Get-AzureStackHCI -ErrorAction Stop
    return @{
        clusterStatus      = Get-BoundedText -Value $found.ClusterStatus
        registrationStatus = Get-BoundedText -Value $found.RegistrationStatus
        registrationDate   = Get-OptionalInstant -Value $found.RegistrationDate
        azureResourceName  = Get-OptionalText -Value $found.AzureResourceName
        azureResourceUri   = Get-OptionalText -Value $found.AzureResourceUri
        connectionStatus   = Get-OptionalText -Value $found.ConnectionStatus
        lastConnected      = Get-OptionalInstant -Value $found.LastConnected
        nextSync           = Get-OptionalInstant -Value $found.NextSync
        region             = Get-OptionalText -Value $found.Region
        imdsAttestation    = Get-OptionalText -Value $found.IMDSAttestation
        diagnosticLevel    = Get-OptionalText -Value $found.DiagnosticLevel
    }
}

function Get-ArcIntegration {
    param($Commands)
    if ('Get-AzureStackHCIArcIntegration' -notin $Commands) {
        return $null
    }
    $found = Get-AzureStackHCIArcIntegration -ErrorAction Stop
    $nodes = @{}
    if ($null -ne $found.NodesArcStatus) {
        # Not indexed by name: constrained language has no indexer for this kind of dictionary.
        $names = @($found.NodesArcStatus.Keys)
        $statuses = @($found.NodesArcStatus.Values)
        $index = 0
        foreach ($name in $names) {
            $nodes["$name"] = Get-OptionalText -Value $statuses[$index]
            $index += 1
        }
    }
    return @{
        clusterArcStatus = Get-BoundedText -Value $found.ClusterArcStatus
        nodesArcStatus   = $nodes
        applicationId    = Get-OptionalText -Value $found.ApplicationId
    }
}

# The task on this node, or null.
function Get-ArcTask {
    try {
        return @(Get-ScheduledTask -TaskName $taskName -ErrorAction Stop)[0]
    }
    catch {
        if ($_.FullyQualifiedErrorId -like 'CmdletizationQuery_NotFound*') {
            return $null
        }
        throw
    }
}

function Get-ArcTaskStatus {
    $task = Get-ArcTask
    if ($null -eq $task) {
        return $null
    }
    $info = Get-ScheduledTaskInfo -InputObject $task -ErrorAction Stop
    $lastRunTime = Get-OptionalInstant -Value $info.LastRunTime
    $lastTaskResult = $null
    if ($null -ne $lastRunTime) {
        $lastTaskResult = [long]$info.LastTaskResult
    }
    return @{ state = Get-BoundedText -Value $task.State; lastRunTime = $lastRunTime; lastTaskResult = $lastTaskResult }
}

# Null where the firmware is a legacy BIOS or has no such variable.
function Get-SecureBoot {
    try {
        return [bool](Confirm-SecureBootUEFI -ErrorAction Stop)
    }
    catch {
        if ($_.CategoryInfo.Reason -in @('PlatformNotSupportedException', 'CommandNotFoundException') -or $_.Exception.Message -match '0xC0000100') {
            return $null
        }
        throw
    }
}

function Get-ServiceStatus {
    $found = @{}
    foreach ($name in @('hcisvc', 'himds')) {
        try {
            $service = Get-Service -Name $name -ErrorAction Stop
            $found[$name] = Get-BoundedText -Value $service.Status
        }
        catch {
            if ($_.FullyQualifiedErrorId -notlike 'NoServiceFoundForGivenName*') {
                throw
            }
        }
    }
    return $found
}

function Get-CloudManagementService {
    $directory = 'C:\Windows\System32\azshci'
    $found = @()
    if (Test-Path -Path "$directory\HciClusterAgentSvc.exe") {
        $found += 'HciClusterAgentSvc'
    }
    if (Test-Path -Path "$directory\cloudmanagement\HciCloudManagementSvc.exe") {
        $found += 'HciCloudManagementSvc'
    }
    return $found
}

function Invoke-Probe {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $system = Get-CimInstance -ClassName Win32_OperatingSystem -ErrorAction Stop
    $bios = Get-CimInstance -ClassName Win32_BIOS -ErrorAction Stop
    $version = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -ErrorAction Stop
    $imds = Get-RegistryKey -Path $imdsPath
    $stamp = Get-RegistryKey -Path $stampPath
    $microsoftUpdate = Get-RegistryKey -Path $microsoftUpdatePath
    $commands = @(Get-Command -Module AzureStackHCI -ErrorAction Stop | Select-Object -First 128 | ForEach-Object { "$($_.Name)" })
    $registration = Get-Registration
    return @{
        script                  = @{ release = $scriptRelease; execution = $execution }
        computerName            = "$env:COMPUTERNAME"
        registration            = $registration
        certificate             = @{ created = Get-Record -Name 'Created'; set = Get-Record -Name 'Set' }
        arc                     = Get-ArcIntegration -Commands $commands
        arcSecret               = Get-Record -Name 'ArcSecret'
        agent                   = Get-Agent
        arcRegistrationTask     = Get-ArcTaskStatus
        deploymentLaunchType    = Get-OptionalText -Value $stamp.DeploymentLaunchType
        microsoftUpdate         = ("$($microsoftUpdate.RegisteredWithAU)" -eq '1')
        customImdsHostAddress   = Get-OptionalText -Value $imds.CustomIMDSHostAddress
        os                      = @{
            build          = [int]$system.BuildNumber
            ubr            = [int]$version.UBR
            displayVersion = Get-BoundedText -Value $version.DisplayVersion
            bootTime       = Get-OptionalInstant -Value $system.LastBootUpTime
            currentTime    = Get-OptionalInstant -Value (Get-Date)
            languageMode   = Get-BoundedText -Value $ExecutionContext.SessionState.LanguageMode
        }
        bios                    = @{
            manufacturer = Get-BoundedText -Value $bios.Manufacturer
            version      = Get-BoundedText -Value $bios.SMBIOSBIOSVersion
            releaseDate  = Get-OptionalInstant -Value $bios.ReleaseDate
            secureBoot   = Get-SecureBoot
        }
        commands                = $commands
        cloudManagementServices = @(Get-CloudManagementService)
        services                = Get-ServiceStatus
    }
}
